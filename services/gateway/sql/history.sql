-- $1 election_id
SELECT * FROM api.council_control_history WHERE election_id = $1 ORDER BY seq
