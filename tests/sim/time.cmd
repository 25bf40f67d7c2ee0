# Numbers with a point are times and shares; they decide about the order.
$py x.npy f4 3,2 1 2 3 4 5 -0.25
$py n.npy i4 '' 2
$nfc sim counter.nfg --input x=x.npy --input n=n.npy --time 2>err
sed -E 's/ +[0-9]+\.[0-9]+%?/ T/g' err | sort
