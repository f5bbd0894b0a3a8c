-- $1 ballot_paper_id
SELECT c.*
  FROM api.ballot_result b
  JOIN api.candidate_result c USING (election_id, ballot_paper_id)
 WHERE b.ballot_paper_id = $1 AND c.ballot_paper_id = $1
 ORDER BY c.rank, c.elected DESC, c.name, c.candidate_id
