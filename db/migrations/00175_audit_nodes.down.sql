-- lossy: which nodes keep receipts
CALL kernel.forget('audit.nodes');
