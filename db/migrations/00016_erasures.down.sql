-- lossy: the list of erased persons goes; the file outside the database and the destroyed keys stay as they are
CALL kernel.forget('kernel.erasures');
DROP DOMAIN kernel.erasure_reason;
