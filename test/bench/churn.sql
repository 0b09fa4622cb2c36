-- One algorithm of memory.sql, warm first.
CALL bench.churn(:'algorithm', 10000);
CALL bench.churn(:'algorithm', 10000);
SELECT bench.memory() AS before \gset
CALL bench.churn(:'algorithm', 100000);
SELECT bench.report_memory(:'algorithm', :'before', bench.memory());
