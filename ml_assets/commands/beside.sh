# Runs commands in a container of theirs, one after another, for what is in the container beside it; see beside.py.
#
#     sh -c "$(cat beside.sh)" sh FOLDER
#
# It hears orders, a line each: "run FOLDER_OF_THE_ORDER", or a signal's name for the command that runs. In a container it is
# process 1, all others are the command's, and signals reach them all; elsewhere they reach the command's group.
umask 022
cd "$1" || exit 1
[ -p orders ] || mkfifo -m 666 orders || exit 1
alone=$(command -v setsid) || [ $$ = 1 ] || exit 1
group=

one='trap : TERM
exec 4> "$1/told"
echo begun >&4
sh "$1/order" < /dev/null > "$1/stdout" 2> "$1/stderr" 4>&-
echo $? >&4'

pass_on() {
    if [ $$ = 1 ]; then kill -s "$1" -- -1; elif [ "$group" ]; then kill -s "$1" -- "-$group"; fi 2> /dev/null
}

trap 'pass_on KILL; exit 0' TERM
exec 3<> orders
while :; do
    read -r what of <&3 || continue
    if [ "$what" = run ]; then
        $alone sh -c "$one" sh "$of" 3<&- &
        group=$!
    else
        pass_on "$what"
    fi
done
