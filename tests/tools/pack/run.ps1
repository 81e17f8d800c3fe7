# Runs all programs of this folder, and says which do what they should. What it prints is also in report.txt,
# which goes back to whoever made the folder.
#
#     powershell -ExecutionPolicy Bypass -File run.ps1
$here = Split-Path -Parent $MyInvocation.MyCommand.Path
$report = New-Object System.Collections.Generic.List[string]
$script:passed = 0
$script:failed = 0
# Programs get what is given to them, without a mark before it.
try { [Console]::InputEncoding = New-Object System.Text.UTF8Encoding $false } catch { }

function Say([string]$line) {
    $report.Add($line)
    Write-Output $line
}

function Bytes([string]$part, [string]$file) {
    return ,[System.IO.File]::ReadAllBytes([System.IO.Path]::Combine($here, $part, $file))
}

# What differs, as text.
function Compare-Bytes([string]$what, [byte[]]$expected, [byte[]]$got) {
    if ([Convert]::ToBase64String($expected) -ceq [Convert]::ToBase64String($got)) { return }
    $lines = @($expected, $got) | ForEach-Object { ,[System.Text.Encoding]::UTF8.GetString($_).Split("`n") }
    for ($n = 0; $n -lt [Math]::Max($lines[0].Length, $lines[1].Length); $n++) {
        if ($lines[0][$n] -cne $lines[1][$n]) {
            return "$what, line $($n + 1): expected '$($lines[0][$n])', got '$($lines[1][$n])'"
        }
    }
}

# A program: its name, the status it ends with, its arguments in a line, variables of its environment.
function Check([string]$name, [int]$wanted, [string]$arguments, [hashtable]$variables) {
    $start = New-Object System.Diagnostics.ProcessStartInfo
    $start.FileName = [System.IO.Path]::Combine($here, 'programs', "$name.exe")
    $start.Arguments = $arguments
    $start.WorkingDirectory = $here
    $start.UseShellExecute = $false
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    foreach ($key in $variables.Keys) { $start.EnvironmentVariables[$key] = $variables[$key] }
    try {
        $process = [System.Diagnostics.Process]::Start($start)
    } catch {
        $script:failed++
        Say "failed: $name does not start: $($_.Exception.Message)"
        return
    }
    $out = New-Object System.IO.MemoryStream
    $err = New-Object System.IO.MemoryStream
    $tasks = [System.Threading.Tasks.Task[]]@(
        $process.StandardOutput.BaseStream.CopyToAsync($out),
        $process.StandardError.BaseStream.CopyToAsync($err))
    $given = Bytes 'given' $name
    # A program need not read what it is given.
    try {
        $process.StandardInput.BaseStream.Write($given, 0, $given.Length)
        $process.StandardInput.BaseStream.Flush()
    } catch { }
    try { $process.StandardInput.BaseStream.Close() } catch { }
    [System.Threading.Tasks.Task]::WaitAll($tasks)
    $process.WaitForExit()
    $status = $process.ExitCode
    $problems = @()
    if ($status -ne $wanted) { $problems += "status $status (0x$($status.ToString('X8'))) in place of $wanted" }
    $problems += @(Compare-Bytes 'standard output' (Bytes 'expected' "$name.out") $out.ToArray())
    $problems += @(Compare-Bytes 'standard error' (Bytes 'expected' "$name.err") $err.ToArray())
    $problems = @($problems | Where-Object { $_ })
    if ($problems.Length -eq 0) {
        $script:passed++
        return
    }
    $script:failed++
    Say "failed: $name"
    foreach ($problem in $problems) { Say "  $problem" }
}

Say ([DateTime]::UtcNow.ToString('u'))
Say "$([System.Environment]::OSVersion.VersionString), PowerShell $($PSVersionTable.PSVersion)"
Say "$env:PROCESSOR_ARCHITECTURE, $env:PROCESSOR_IDENTIFIER"
CASES
Say "$script:passed of $($script:passed + $script:failed) programs do what they should"
[System.IO.File]::WriteAllLines([System.IO.Path]::Combine($here, 'report.txt'), $report)
if ($script:failed -ne 0) { exit 1 }
