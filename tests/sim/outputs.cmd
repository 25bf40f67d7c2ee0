# The folder is old or new; what is not ours stays.
$py x.npy f4 1,2 1 2
$py n.npy i4 '' 1
sim="$nfc sim counter.nfg --input x=x.npy --input n=n.npy"
$sim --output out; echo "exit $?"; $py out/y.npy
$sim --output out/ --runs 2; echo "exit $?"; $py out/y.npy
ln -s out link
$sim --output link; echo "exit $?"; $py out/y.npy; rm link
touch out/notes.txt
$sim --output out --runs 2; echo "exit $?"; $py out/y.npy; rm out/notes.txt
$py n.npy i4 '' 9
$sim --output out; echo "exit $?"; $py out/y.npy
$py n.npy i4 '' 1
for place in x.npy . .. x.npy/out new/er/out; do $sim --output $place; echo "exit $?"; done
ls new/er/out; rm -r new
# A killed run leaves a folder aside; the next one takes it away.
mkfifo commands
: >session
$sim --output out --step <commands >session &
exec 3>commands
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    grep -q sim session && break
    sleep 0.2
done
kill -9 $!
wait $! 2>wait
exec 3>&-
ls -d out.tmp.* | sed 's/[0-9]*$/N/'
$sim --output out; echo "exit $?"
ls -d out*
