-- lossy: credentials that were sealed open nothing any more
CALL kernel.forget('auth.emergency_credentials');
