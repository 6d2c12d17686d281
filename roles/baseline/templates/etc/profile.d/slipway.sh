# {{ ansible_managed }}
{% if not baseline_core_dumps %}
# As limits.d has it, also where PAM did not start the session.
ulimit -c 0
{% endif %}
{% if baseline_shell_timeout_s | int > 0 %}
# Of the prompt (bash(1)): a program that runs is not ended. Not readonly, so that a person can unset it for a session.
case $- in *i*) TMOUT={{ baseline_shell_timeout_s | int }} ;; esac
{% endif %}
