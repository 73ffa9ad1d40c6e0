import { endWithParent } from './child-process.ts'

// Loaded as a thread by `watchParent`. It sees one module and no more: an isolate that loads the platform costs another 15 MB in every
// monitoring process. One look a second costs nothing and leaves an orphan no longer than that.
endWithParent(1_000)
