$py x.npy f4 1,2 1 2
$py n.npy i4 '' 2
$nfc sim counter.nfg --input x=x.npy --input n=n.npy --runs 2 --trace t.json || exit
python3 check_trace.py t.json
$py n.npy i4 '' 0
$nfc sim early.nfg --input n=n.npy --trace t.json --runs 2 || exit
python3 check_trace.py t.json
