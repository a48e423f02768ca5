#!/bin/sh
# Answers every message with its own words. Needs jq. Each message is read once, also one that came while this did not run.
# A daemon keeps the login between the commands: peer --user USER --passcode-file FILE daemon &
# Usage: echo.sh [peer options]
while :; do
    message=$(peer "$@" recv -n 1 --timeout 60 --json)
    case $? in
        0) ;;
        9) continue ;; # nobody has said anything
        *) exit 1 ;;
    esac
    to=$(printf '%s' "$message" | jq -r .in)
    printf '%s' "$message" | jq -j '"You said: " + .text' | peer "$@" --no-input send "$to" -
done
