// A door of its own: a monitoring process has many siblings, and each would otherwise load keystores and settings it never uses.
export { systemClock } from '../system-clock.ts'
export { siblingModule } from '../worker.ts'
export { endWithParent, forkProcess, parentProcess } from './child-process.ts'
export type { ChildProcess, ParentProcess, ProcessEnd } from './child-process.ts'
