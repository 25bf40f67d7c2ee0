
BzerosJ
@YQÍRØ¡|