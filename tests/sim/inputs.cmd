# Each input once, with its type and shape.
$py x.npy f4 3,2 1 2 3 4 5 6
$py x8.npy f8 3,2 1 2 3 4 5 6
$py x1.npy f4 3 1 2 3
$py x9.npy f4 9,2 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9
$py n.npy i4 '' 2
$py n5.npy i4 '' 5
sim="$nfc sim counter.nfg"
$sim --input x=x.npy; echo "exit $?"
$sim --input x=x.npy --input nn=n.npy; echo "exit $?"
$sim --input x=x.npy --input n=n.npy --input x=x8.npy; echo "exit $?"
$sim --input x=x8.npy --input n=n.npy; echo "exit $?"
$sim --input x=x1.npy --input n=x.npy; echo "exit $?"
$sim --input x=x9.npy --input n=n.npy; echo "exit $?"
$sim --input x=x.npy --input n=n5.npy; echo "exit $?"
$sim --input x=none.npy --input n=counter.nfg; echo "exit $?"
