export { startInstance } from './instance.ts'
export type { RunningInstance, StartOptions } from './instance.ts'
export { library } from './library.ts'
