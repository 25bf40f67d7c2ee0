$nfc sim counter.nfg --runs 0; echo "exit $?"
$nfc sim two.nfg; echo "exit $?"
$nfc sim two.nfg --graph=got; echo "exit $?"
$nfc sim two.nfg --graph=get --trace f --state-out f; echo "exit $?"
