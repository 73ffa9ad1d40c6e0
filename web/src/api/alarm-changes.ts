import type { QueryClient } from '@tanstack/react-query'
import { withAlarm, type AlarmChange } from '../model/alarms.ts'

const about = { queryKey: ['alarms'] }

/**
 * Shows a change of an alarm wherever it is shown, before the server has answered.
 * @returns what takes it back, for where the server refuses
 */
export async function showAtOnce(client: QueryClient, id: string, change: AlarmChange): Promise<() => void> {
  // An answer that is on its way may be older than the change.
  await client.cancelQueries(about)
  const before = client.getQueriesData(about)
  client.setQueriesData<unknown>(about, (loaded: unknown) => withAlarm(loaded, id, change))
  return () => {
    for (const [key, data] of before) client.setQueryData(key, data)
  }
}
