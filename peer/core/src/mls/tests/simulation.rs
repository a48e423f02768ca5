//! A room over many steps that come in any order: what must hold after each of them whatever came before.
//!
//! A seed names a run. A run that failed once is added to the list of seeds.

use common::testkit::Example::{Ali, Bianca, Carol};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use super::super::*;
use super::stage::*;

const STEPS: usize = 16;

struct Simulation {
    stage: Stage,
    disks: Vec<Disk>,
    dice: ChaCha20Rng,
}

impl Simulation {
    /// Ali makes a group; everybody has two terminals, none but ali's first is in it.
    fn new(seed: u64) -> Self {
        let mut stage = Stage::new(&[Ali, Bianca, Carol, Ali, Bianca, Carol]);
        stage.rooms[0] = Some(Room::create_group(&stage.terminals[0].own, ROOM, &team()).unwrap());
        let disks = vec![Disk::default(); stage.terminals.len()];
        Self { stage, disks, dice: ChaCha20Rng::seed_from_u64(seed) }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.dice.next_u32() as usize % limit
    }

    fn inside(&self) -> Vec<usize> {
        (0..self.stage.rooms.len()).filter(|who| self.stage.rooms[*who].is_some()).collect()
    }

    fn any(&mut self, of: &[usize]) -> usize {
        of[self.below(of.len())]
    }

    /// Somebody's wish, which the rules may forbid.
    fn edit(&mut self) -> Edit {
        let inside = self.inside();
        let outside: Vec<_> = (0..self.disks.len()).filter(|who| !inside.contains(who)).collect();
        match self.below(4) {
            0 if !outside.is_empty() => {
                let who = self.any(&outside);
                Edit { add: self.stage.newcomers(&[who]), ..Edit::default() }
            }
            1 => {
                let who = self.any(&inside);
                Edit { remove: vec![self.stage.member(who)], ..Edit::default() }
            }
            2 => {
                let users: Vec<_> = inside.iter().map(|who| self.stage.terminals[*who].user()).collect();
                let admins = users.into_iter().filter(|_| self.below(2) == 0).collect();
                Edit { admins: Some(admins), ..Edit::default() }
            }
            _ => Edit::default(),
        }
    }

    /// One or two members want something at the same time; the directory takes the first.
    fn race(&mut self) {
        let inside = self.inside();
        let mut accepted: Option<Commit> = None;
        for _ in 0..=self.below(2) {
            let (who, edit) = (self.any(&inside), self.edit());
            let Ok(commit) = self.stage.room(who).propose(&edit) else { continue };
            if self.below(3) == 0 {
                self.restart(who, Keep::First);
            }
            match accepted {
                None => accepted = Some(commit),
                Some(_) => self.stage.room(who).drop_commit().unwrap(),
            }
        }
        if let Some(commit) = accepted {
            self.stage.spread(&commit);
        }
        for room in &mut self.stage.rooms {
            // Who was removed forgets the room.
            room.take_if(|room| !room.is_member());
        }
    }

    fn restart(&mut self, who: usize, keep: Keep) {
        if keep == Keep::First {
            self.keep(who);
        }
        self.stage.rooms[who] = self.disks[who].restore(&self.stage.terminals[who].own).1.pop();
    }

    fn keep(&mut self, who: usize) {
        match &mut self.stage.rooms[who] {
            Some(room) => self.disks[who].keep(room.changes()),
            None => self.disks[who] = Disk::default(),
        }
    }

    fn step(&mut self) {
        self.race();
        for who in 0..self.disks.len() {
            self.keep(who);
        }
        let inside = self.inside();
        let who = self.any(&inside);
        self.restart(who, Keep::Nothing);
    }

    /// Everybody sees the same room, and everybody reads what anybody says.
    fn check(&mut self) {
        let inside = self.inside();
        let view = |room: &mut Room| {
            (room.epoch(), room.fork_tag().unwrap(), room.members(), room.charter().clone(), room.frozen().cloned())
        };
        let first = view(self.stage.room(inside[0]));
        for who in &inside {
            assert_eq!(view(self.stage.room(*who)), first);
        }
        assert_eq!(first.2.len(), inside.len(), "nobody is in the room who does not know");
        let speaker = self.any(&inside);
        assert!(self.stage.say(speaker, "everybody?").into_iter().all(|read| read.is_ok()));
    }
}

/// Whether a terminal could keep what it changed before it stopped.
#[derive(PartialEq)]
enum Keep {
    First,
    Nothing,
}

#[test]
fn members_agree_whatever_they_want_at_once_and_whoever_starts_over() {
    for seed in 0..3 {
        let mut simulation = Simulation::new(seed);
        for _ in 0..STEPS {
            simulation.step();
            simulation.check();
        }
        assert!(simulation.stage.room(simulation.inside()[0]).epoch() > 4, "seed {seed}: nothing happened");
    }
}
