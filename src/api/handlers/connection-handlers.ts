import type { ConnectionQuestions } from '../questions.ts'
import { demand, type Handlers } from '../route.ts'

/** The connection of the agent here to its server. */
export function connectionHandlers({ connection }: ConnectionQuestions): Handlers<'showConnection'> {
  return {
    showConnection: ({ caller }) => {
      demand(caller, 'viewer', null)
      return connection()
    },
  }
}
