#!/bin/sh
# A member of groups that answers "bot time", "bot load" and "bot help". Needs jq. As echo.sh, it wants a daemon beside it.
# Usage: group-bot.sh [peer options]
while :; do
    message=$(peer "$@" recv -n 1 --timeout 60 --json)
    case $? in
        0) ;;
        9) continue ;; # nobody has said anything
        *) exit 1 ;;
    esac
    group=$(printf '%s' "$message" | jq -r '.group // empty')
    [ -n "$group" ] || continue
    case $(printf '%s' "$message" | jq -r .text) in
        "bot time") answer=$(date) ;;
        "bot load") answer=$(uptime) ;;
        "bot help") answer="bot time, bot load, bot help" ;;
        *) continue ;;
    esac
    printf '%s' "$answer" | peer "$@" --no-input send "$group" -
done
