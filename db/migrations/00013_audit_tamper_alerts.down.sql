-- lossy: the alerts go with their table
CALL kernel.forget('audit.tamper_alerts');
