# A state that one process saves and another loads; what does not fit changes nothing.
$py v.npy i8 2 3 -4
$nfc sim two.nfg --graph put --input v=v.npy --runs 3 --state-out s || exit
od -An -v -tx1 s
$nfc sim two.nfg --graph get --state-in s --state-out s
$nfc sim two.nfg --graph get --state-in s
$nfc sim two.nfg --graph get
head -c 44 s >short
sed 's/NFSTATE1/NFSTATE2/' s >magic
{ head -c 44 s; printf '\007'; } >flag
sed 's/puts : buffer(i32/puts : buffer(u32/' two.nfg >other.nfg
sed 's/total : buffer(i64, \[2\])/total : buffer(i64, [3])/; s/\[2\]/[3]/' two.nfg >larger.nfg
for f in short magic flag missing; do $nfc sim two.nfg --graph get --state-in $f; echo "exit $?"; done
$nfc sim other.nfg --graph get --state-in s; echo "exit $?"
$nfc sim larger.nfg --graph get --state-in s; echo "exit $?"
$nfc sim two.nfg --graph get --state-out none/s; echo "exit $?"
ls -d s* 2>err
