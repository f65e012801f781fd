/**
 * Runs `body` under a lock of the plugin Lockable Resources, where Jenkins has it. It saves builds from waiting for each
 * other on an agent; cdml's own lock, in the journal, decides in any case.
 */
int call(String name, Map given, Closure body) {
    boolean entered = false
    int code = 0
    try {
        lock("${name}-${given.environment ?: 'configured'}".toString()) {
            entered = true
            code = body()
        }
    } catch (NoSuchMethodError missing) {
        if (entered) {
            throw missing
        }
        code = body()
    }
    return code
}
