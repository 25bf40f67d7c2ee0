$py x.npy f4 3,2 1 2 3 4 5 -0.25
$py n.npy i4 '' 2
$nfc sim counter.nfg --input x=x.npy --input n=n.npy --step --runs 2 --output out <<'END'
where
print h
print x [0:2,-1]
print x all
p x[2,0]
p x [3,0]
p x stats
p later
s 2
values
where
list 12
break 19
break scope innr
break scope inner
b block second
breaks
c
c
delete 2
state
state log [0:2]
print S
continue
next
p v
c
END
ls -d out*
