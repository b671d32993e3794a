/* completion: what makes a shell complete our command lines. The shells ask the program itself, by
 * `betterdns complete WORD…`: there is one place that knows what may follow. */
#include "cli.h"

#include "complete.h"

static const char bash[] =
    "# bash: source <(betterdns completion bash)\n"
    "_betterdns() {\n"
    "    local word cur=${COMP_WORDS[COMP_CWORD]}\n"
    "    [[ $cur != = ]] || cur=\n"
    "    COMPREPLY=()\n"
    "    while IFS=$'\\t' read -r word _; do\n"
    "        if [[ $word == :files ]]; then\n"
    "            compopt -o filenames 2>/dev/null\n"
    "            mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "        else\n"
    "            COMPREPLY+=(\"$word\")\n"
    "        fi\n"
    "    done < <(\"${COMP_WORDS[0]/#\\~\\//$HOME/}\" complete \"${COMP_WORDS[@]:1:COMP_CWORD}\" "
    "2>/dev/null)\n"
    "}\n"
    "complete -F _betterdns betterdns\n";

static const char zsh[] =
    "#compdef betterdns\n"
    "# zsh: source <(betterdns completion zsh), behind compinit; or as _betterdns in fpath\n"
    "_betterdns() {\n"
    "    local line word tab=$'\\t'\n"
    "    local -a lines found\n"
    "    lines=(\"${(@f)$(\"${words[1]/#\\~\\//$HOME/}\" complete \"${(@Q)words[2,CURRENT]}\" "
    "2>/dev/null)}\")\n"
    "    for line in $lines; do\n"
    "        if [[ $line == :files ]]; then\n"
    "            [[ $words[CURRENT] != --*=* ]] || compset -P '*='\n"
    "            _files\n"
    "            return\n"
    "        fi\n"
    "        word=${line%%$tab*}\n"
    "        found+=(\"${word//:/\\\\:}${${line#$word}/#$tab/:}\")\n"
    "    done\n"
    "    (( $#found )) && _describe betterdns found\n"
    "}\n"
    "if [[ $funcstack[1] == _betterdns ]]; then\n"
    "    _betterdns \"$@\"\n"
    "else\n"
    "    compdef _betterdns betterdns\n"
    "fi\n";

static const char fish[] =
    "# fish: betterdns completion fish | source\n"
    "function __betterdns_complete\n"
    "    set -l tokens (commandline -opc)\n"
    "    set -l program (string replace -r '^~/' \"$HOME/\" -- $tokens[1])\n"
    "    set -e tokens[1]\n"
    "    set -l cur (commandline -ct)\n"
    "    set -l lines ($program complete $tokens \"$cur\" 2>/dev/null)\n"
    "    if contains -- :files $lines\n"
    "        set -l before (string match -r '^--[^=]*=' -- \"$cur\")\n"
    "        for path in (__fish_complete_path (string replace -r '^--[^=]*=' '' -- \"$cur\"))\n"
    "            printf '%s%s\\n' \"$before\" $path\n"
    "        end\n"
    "    else\n"
    "        printf '%s\\n' $lines\n"
    "    end\n"
    "end\n"
    "complete -c betterdns -f -a '(__betterdns_complete)'\n";

static const struct {
    const char *name, *script;
} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

static void shell_values(struct buf *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
        buf_addf(out, "%s ", shells[i].name);
}

static int run_completion(const struct cli *cli)
{
    struct buf out = {0};

    for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
        if (strcmp(shells[i].name, cli->operands[0]) != 0)
            continue;
        buf_addf(&out, "%s", shells[i].script);
        return cli_print(&out);
    }
    return cli_fail(EXIT_USAGE, "there is no completion for '%s': bash, zsh, fish",
                    cli->operands[0]);
}

const struct command command_completion = {
    .name = "completion",
    .usage = "SHELL",
    .help = "Prints what makes bash, zsh or fish complete our command lines.",
    .more = "bash: source <(betterdns completion bash);\n"
            "zsh, behind compinit: source <(betterdns completion zsh);\n"
            "fish: betterdns completion fish | source.",
    .least = 1,
    .most = 1,
    .values = shell_values,
    .run = run_completion,
};
