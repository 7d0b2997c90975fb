DROP DOMAIN kernel.encryption_algorithm;
DROP DOMAIN kernel.key_status;
DROP DOMAIN kernel.key_type;
