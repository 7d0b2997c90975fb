CALL kernel.mark('kernel.jobs');
