-- $1 ballot_paper_id, $2 payload
SELECT r.lane, r.lane_seq, r.record, r.topic, r.partition, r.kafka_offset, r.kafka_timestamp, r.received_at,
       r.event_id, r.source, r.kind, r.basis, r.revision, r.fate, r.reasons, r.detail, r.fate_now, r.reasons_now,
       r.detail_now,
       (SELECT json_agg(json_build_object('fate', f.fate, 'reasons', f.reasons, 'detail', f.detail, 'by', f.by,
                                          'note', f.note, 'trigger_lane_seq', f.trigger_lane_seq,
                                          'recorded_at', f.recorded_at)
                        ORDER BY f.trigger_lane_seq, f.n)
          FROM api.fate_change f WHERE f.lane = r.lane AND f.lane_seq = r.lane_seq) AS changes,
       r.rules_version, r.writer_schema, encode(r.prev_hash, 'hex') AS prev_hash,
       encode(r.entry_hash, 'hex') AS entry_hash,
       CASE WHEN $2::boolean THEN translate(encode(r.payload, 'base64'), E'\n', '') END AS payload_base64
  FROM api.ballot_result b
  JOIN api.ballot_record r USING (election_id, ballot_paper_id)
 WHERE b.ballot_paper_id = $1
 ORDER BY r.lane, r.lane_seq
