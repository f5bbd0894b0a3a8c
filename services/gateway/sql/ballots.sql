-- $1 election_id
SELECT * FROM api.ballot_result WHERE election_id = $1 ORDER BY ward_name, ballot_paper_id
