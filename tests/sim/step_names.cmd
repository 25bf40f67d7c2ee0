# A name is what the language would let a statement at the stop say.
$py n.npy i4 '' 5
printf 'break block body\nbreak block on\nbreak block last\nvalues\nc\nvalues\nc\nvalues\np h\np t\nc\np h\nc\nc\nvalues\np g\nc\n' |
    $nfc sim later.nfg --input n=n.npy --step
