/** Read what a table holds. */
export const TABLE_READS = [
  "dynamodb:BatchGetItem",
  "dynamodb:ConditionCheckItem",
  "dynamodb:ExportTableToPointInTime",
  "dynamodb:GetItem",
  "dynamodb:PartiQLSelect",
  "dynamodb:Query",
  "dynamodb:Scan",
] as const;

/** Reads by an index of a kind that no table has. It is not among the actions that a table's own policy is documented to take. */
export const INDEX_READS = ["dynamodb:SearchVectors"] as const;

/** Change what a table holds. TransactWriteItems and ExecuteStatement are authorised by these, item by item. */
export const TABLE_WRITES = [
  "dynamodb:BatchWriteItem",
  "dynamodb:DeleteItem",
  "dynamodb:PartiQLDelete",
  "dynamodb:PartiQLInsert",
  "dynamodb:PartiQLUpdate",
  "dynamodb:PutItem",
  "dynamodb:UpdateItem",
] as const;

/**
 * Act on a table as a whole. Administrators of the account keep these, so that they can repair a table or its policy. No role of the
 * app has any, since a role that may replace the policy, or have items expire, can change the data too.
 */
export const TABLE_ADMINISTRATION = [
  "dynamodb:AssociateTableReplica",
  "dynamodb:CreateBackup",
  "dynamodb:CreateGlobalTable",
  "dynamodb:CreateGlobalTableWitness",
  "dynamodb:CreateTable",
  "dynamodb:CreateTableReplica",
  "dynamodb:DeleteGlobalTableWitness",
  "dynamodb:DeleteResourcePolicy",
  "dynamodb:DeleteTable",
  "dynamodb:DeleteTableReplica",
  "dynamodb:DisableKinesisStreamingDestination",
  "dynamodb:EnableKinesisStreamingDestination",
  "dynamodb:ImportTable",
  "dynamodb:InjectError",
  "dynamodb:PutResourcePolicy",
  "dynamodb:ReadDataForReplication",
  "dynamodb:ReplicateSettings",
  "dynamodb:RestoreTableFromAwsBackup",
  "dynamodb:RestoreTableFromBackup",
  "dynamodb:RestoreTableToPointInTime",
  "dynamodb:StartAwsBackupJob",
  "dynamodb:TagResource",
  "dynamodb:UntagResource",
  "dynamodb:UpdateContinuousBackups",
  "dynamodb:UpdateContributorInsights",
  "dynamodb:UpdateGlobalTable",
  "dynamodb:UpdateGlobalTableSettings",
  "dynamodb:UpdateGlobalTableVersion",
  "dynamodb:UpdateKinesisStreamingDestination",
  "dynamodb:UpdateTable",
  "dynamodb:UpdateTableReplicaAutoScaling",
  "dynamodb:UpdateTimeToLive",
  "dynamodb:WriteDataForReplication",
] as const;
