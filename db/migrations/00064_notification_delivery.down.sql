-- lossy: preferences and what was sent go with their tables
DROP INDEX auth.notifications_unread_ix;
CALL kernel.forget('auth.socket_tickets');
CALL kernel.forget('auth.deliveries');
CALL kernel.forget('auth.notification_preferences');
DROP DOMAIN auth.delivery_state;
DROP DOMAIN auth.medium;
