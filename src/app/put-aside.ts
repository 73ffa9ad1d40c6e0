import { makePrivateDirectory, type Database, type DataDirectory } from '../platform/index.ts'

/**
 * Keeps a copy of the database before it is exchanged for the other server's: `put-aside/<when>.db`. Nothing here reads it again; people do, and
 * `farwatch start --data` of a directory with it as `farwatch.db`.
 * @returns the file @throws FarwatchError `storage-unwritable`
 */
export async function putAside(directory: DataDirectory, database: Database, now: number): Promise<string> {
  await makePrivateDirectory(directory.file('put-aside'))
  const file = directory.file('put-aside', `${new Date(now).toISOString().replaceAll(':', '-')}.db`)
  await database.backup(file)
  return file
}
