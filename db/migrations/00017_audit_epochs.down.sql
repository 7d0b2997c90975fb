-- lossy: a log of several epochs is not believed without its statements
CALL kernel.forget('audit.lost_events');
CALL kernel.forget('audit.epochs');
