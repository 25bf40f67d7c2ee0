# Commands that are wrong, quit, the end of the commands, next; nothing is written before the end.
$py x.npy f4 1,2 nan 1
$py n.npy i4 '' 2
sim="$nfc sim counter.nfg --input x=x.npy --input n=n.npy --step --output out --state-out s --trace t"
printf 'p x\nst\nfoo\nstep 0\ndelete 7\nb 99\nb x\np x [0\np x [x]\np x most\nhelp\nq\n' | $sim
echo "exit $?"
$sim </dev/null
echo "exit $?"
printf 's\ns\nn\nwhere\n\nn\nquit' | $sim
echo "exit $?"
ls -d out* s t 2>none
printf 'run-to-end' | $sim
echo "exit $?"
ls -d out* s t
