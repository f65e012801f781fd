/**
 * Rolls back to the last good version, or to the version `to`.
 *
 *     cdmlRollback environment: params.ENVIRONMENT, to: params.VERSION, reason: params.REASON
 */
def call(Map given = [:]) {
    Map options = [
        // generated
        config: 'CDML_ROLLBACK_CONFIG',
        outputDir: 'CDML_ROLLBACK_OUTPUT_DIR',
        to: 'CDML_ROLLBACK_TO',
        environment: 'CDML_ROLLBACK_ENVIRONMENT',
        reason: 'CDML_ROLLBACK_REASON',
        requestId: 'CDML_ROLLBACK_REQUEST_ID',
        // end
    ]
    // Not the lock of a deploy, which makes room for a rollback by the journal's lock.
    return cdmlLock('cdml-rollback', given) { cdmlCommand('rollback', options, given) }
}
