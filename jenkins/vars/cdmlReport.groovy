/**
 * Posts the comment and publishes the evidence. It ends as the gate did, and belongs where it always runs:
 *
 *     try { cdmlGate() } finally { cdmlReport credentials: [CDML_GITHUB_TOKEN: 'cdml-comment'] }
 */
def call(Map given = [:]) {
    Map options = [
        // generated
        config: 'CDML_REPORT_CONFIG',
        outputDir: 'CDML_REPORT_OUTPUT_DIR',
        evidence: 'CDML_REPORT_EVIDENCE',
        combine: 'CDML_REPORT_COMBINE',
        commentMode: 'CDML_REPORT_COMMENT_MODE',
        commentBehaviour: 'CDML_REPORT_COMMENT_BEHAVIOUR',
        reportId: 'CDML_REPORT_REPORT_ID',
        pullRequest: 'CDML_REPORT_PULL_REQUEST',
        begin: 'CDML_REPORT_BEGIN',
        // end
    ]
    String output = given.outputDir ?: '.cdml'
    String config = given.config ?: ''
    String folder = config.contains('/') ? config.substring(0, config.lastIndexOf('/') + 1) : ''
    try {
        return cdmlCommand('report', options, given)
    } finally {
        // A change may bring links to files of the agent.
        archiveArtifacts artifacts: "${folder}${output}/**", allowEmptyArchive: true, followSymlinks: false
        // The exit code decides the build's result, not the counts of tests.
        junit testResults: "${folder}${output}/gates.junit.xml,${folder}${output}/data.junit.xml", allowEmptyResults: true, skipMarkingBuildUnstable: true
        try {
            publishHTML([reportName: 'cdml', reportDir: "${folder}${output}".toString(), reportFiles: 'report.html',
                         includes: 'report.html', allowMissing: true, keepAll: true, alwaysLinkToLastBuild: false])
        } catch (NoSuchMethodError missing) {
            echo 'Without the plugin HTML Publisher, the report is only an artifact of the build.'
        }
    }
}
