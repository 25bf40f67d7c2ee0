# Types that NumPy lacks travel as bits or in bytes, and are checked.
$py a.npy u2 2 16256 16448
$py b.npy i1 2 -8 7
$py c.npy b1 2 0 1
$py d.npy f2 2 1 65504
$py e.npy u1 2 56 126
$py f.npy u1 2 15 0
$py g.npy i8 '' 9007199254740993
sim="$nfc sim types.nfg --input a=a.npy --input c=c.npy --input d=d.npy --input e=e.npy --input g=g.npy"
$sim --input b=b.npy --input f=f.npy
$sim --input b=b.npy --input f=f.npy --output out || exit
for f in out/*; do $py $f; done
$py b.npy i1 2 -9 7
$py f.npy u1 2 15 16
$sim --input b=b.npy --input f=f.npy --output out; echo "exit $?"
$py c.npy u1 2 0 1
$py a.npy f4 2 0 1
$sim --input b=d.npy --input f=d.npy --output out; echo "exit $?"
