-- lossy: subscriptions and the log of calls go with their tables
CALL kernel.forget('exchange.webhook_deliveries');
CALL kernel.forget('exchange.webhook_subscriptions');
DROP DOMAIN exchange.webhook_state;
