import { endWithParent } from '../platform/index.ts'

// Loaded as a thread by a monitoring process; one look a second costs nothing and leaves an orphan no longer than that.
endWithParent(1_000)
