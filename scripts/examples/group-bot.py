#!/usr/bin/env python3
"""A member of groups that answers "bot time", "bot members" and "bot help".
Usage: group-bot.py USER PASSCODE_FILE [peer options]"""
import itertools, json, subprocess, sys, time

user, passcode_file, *options = sys.argv[1:]
command = ["peer", "--user", user, "--passcode-file", passcode_file, *options, "json"]
peer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
numbers, members = itertools.count(1), {}

def ask(method, **params):
    number = next(numbers)
    print(json.dumps({"id": number, "method": method, "params": params}), file=peer.stdin, flush=True)
    return number

def answer(event, text):
    # With a ref, an answer is sent once even if the bot is killed before the ack and sees the message again.
    ask("send", to=event["group"], text=text, ref="bot " + event["msg"])

for line in peer.stdout:
    told = json.loads(line)
    event = told.get("params", {})
    if told.get("id") in members:
        asked = members.pop(told["id"])
        there = told.get("result", {}).get("members", [])
        answer(asked, ", ".join(one["id"] + (" (admin)" if one["admin"] else "") for one in there) or "I cannot tell.")
    elif event.get("type") == "ready":
        ask("subscribe", name="group-bot", types=["message"])
    elif event.get("type") == "message" and event["from"] != user:
        if event["group"] and event["text"] == "bot time":
            answer(event, time.strftime("%H:%M:%S"))
        elif event["group"] and event["text"] == "bot members":
            members[ask("group.members", group=event["group"])] = event
        elif event["group"] and event["text"] == "bot help":
            answer(event, "bot time, bot members, bot help")
        ask("ack", name="group-bot", seq=event["seq"])
sys.exit(peer.wait())
