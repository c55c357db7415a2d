#!/bin/sh
# Says its pid through the pipe "alive", which stays open until this program and the one it starts have ended, and then does what it is
# told through the pipe "go".
exec 9>alive
trap 'echo terminated >&9; [ -e stubborn ] || exit 0' TERM
sleep 1000 &
echo $$ >&9
while :; do
  read -r line <go || continue
  case $line in
    print*) echo "${line#print }"; exit 0 ;;
  esac
done
