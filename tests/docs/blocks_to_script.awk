# A Markdown document becomes the bash script that types it. Line N of the script is line N of the document, so that what
# bash says of a line is true of both. The kinds of blocks are told by type_the_commands.sh.
function wrong(what) {
    printf "%s:%d: %s\n", FILENAME, FNR, what >"/dev/stderr"
    failed = 1
    exit 1
}
# What is handed to a word of vocabulary.sh on its standard input ends so.
function handed_to(word) {
    end = "=== the end of a block"
    return word " <<'" end "'"
}

block == "" && /^<!-- test$/ { block = "test"; print ""; next }
block == "" && /^<!-- test typed by a user -->$/ { print ""; next }
block == "" && /^[ \t]*<!-- *test/ { wrong("<!-- test stands alone on its line, and so does -->") }
block == "test" && /^-->$/ { block = ""; print ""; next }

block == "" && /^[ \t]+```/ { wrong("a block that is indented would be typed with its blanks; begin it at the margin") }
block == "" && /^```/ {
    block = substr($0, 4)
    end = ""
    if (block == "sh")
        print ""
    else if (block == "sh foreground")
        print handed_to("stays_in_the_foreground")
    else if (block == "sh alternatives")
        print handed_to("alternatives")
    else if (block == "console")
        print handed_to("shows 0")
    else if (block == "console error")
        print handed_to("shows error")
    else if (block ~ /^(conf|desktop|dockerfile|grub|ini|ipxe|toml)$/)
        print handed_to("becomes_a_file")
    else if (block == "text")
        print ""
    else
        wrong("```" block ": no such kind; ```text is not typed, tests/docs/type_the_commands.sh has the others")
    next
}
block != "" && block != "test" && /^```$/ { block = ""; print end; next }
block != "" && /^```/ { wrong("a block in a block; is there an end of the one before?") }

# Readers see a block there, and nobody would type it.
block == "" && /^(    |\t)/ && blank { wrong("a block by indentation; put it between ```sh and ```, or ```text if it is not to be typed") }
{ blank = /^[ \t]*$/ }

{ print (block == "" || block == "text") ? "" : $0 }

END {
    if (!failed && block != "")
        wrong("the block " block " has no end")
}
