$py x.npy f4 3,2 1 2 3 4 5 -0.25
$py n.npy i4 '' 2
$nfc sim counter.nfg --input x=x.npy --input n=n.npy --verbose
$py x.npy f4 2 1 -5
$weights weights.safetensors scale=1,2 w.0=3,4 w.1=5,6
$nfc sim weights.nfg --input x=x.npy --verbose
