-- Claims, leases and the word that a job is done are the queue's book-keeping. With digests of its rows each had an audit event
-- of its own, several for a job; what a job does has one as before.
CALL kernel.unmark('kernel.jobs');
