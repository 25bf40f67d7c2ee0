# After an error of the run its values can be looked at; nothing is written.
$py n.npy i4 2 1 2
$py d.npy i4 2 1 0
printf 'c\nvalues\np h\np later\ns\nq\n' | $nfc sim fail.nfg --input n=n.npy --input d=d.npy --step --output out
code=$?
ls -d out* 2>none
exit $code
