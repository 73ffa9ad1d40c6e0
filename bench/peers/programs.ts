import { installPrograms } from '../../scripts/programs.mjs'
import type { Program } from './peer.ts'

/** Sees to it that they can be started. @throws where some are missing and this user may not install them, with the command to run */
export function provide(programs: readonly Program[]): void {
  installPrograms(programs, 'The comparisons')
}
