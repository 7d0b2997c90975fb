-- lossy: the list has to be imported again
CALL kernel.forget('auth.leaked_password_pages');
CALL kernel.forget('auth.leaked_password_lists');
