import { serveWorker } from '../worker.ts'
import { makeMethods } from './database-methods.ts'

serveWorker(makeMethods)
