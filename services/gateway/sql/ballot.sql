-- $1 ballot_paper_id
SELECT * FROM api.ballot_result WHERE ballot_paper_id = $1
