# A runner of the least that the protocol asks for (runtimes/README.md): one call after the other.
use strict;
use warnings;
use JSON::PP;

$SIG{INT} = 'IGNORE'; # Ctrl-C reaches us too; the gateway decides
open my $requests, '<&=', 3 or exit 76;
open my $replies, '>&=', 4 or exit 76;
binmode $_ for $requests, $replies;
my $json = JSON::PP->new->utf8->canonical->allow_nonref;

sub receive {
    my ($wanted) = @_;
    my $data = '';
    while (length $data < $wanted) {
        my $count = sysread $requests, $data, $wanted - length $data, length $data;
        exit 0 if !$count; # the gateway is gone
    }
    return $data;
}

sub frame {
    my ($length, $body) = unpack 'V Q<', receive(12);
    my $header = $length <= 1 << 20 ? eval { $json->decode(receive($length)) } : undef;
    exit 76 if ref $header ne 'HASH' || !defined $header->{type};
    return ($header, receive($body));
}

sub answer {
    my ($header, $body) = @_;
    my $text = $json->encode($header);
    my $data = pack('V Q<', length $text, length($body //= '')) . $text . $body;
    while (length $data) {
        my $count = syswrite $replies, $data or exit 0;
        substr $data, 0, $count, '';
    }
}

# Return what the protocol tells of an error, with the author's file and line.
sub fault {
    my ($error, $app) = @_;
    my $own = ref $error eq 'HASH' || (ref $error && $error->isa('HASH'));
    my $message = $own ? $error->{message} : "$error";
    $message =~ s{\Q$app\E/}{}g;
    my ($file, $line) = $message =~ /at (\S+) line (\d+)/ ? ($1, $2 + 0) : ('', 0);
    chomp $message;
    my $code = $own && ref $error eq 'AlgorithmError' ? $error->{code} // 'bad_input' : 'exception';
    return (
        fault => $code eq 'exception' ? 'algorithm' : 'caller', code => $code, message => $message,
        error => ref $error || 'die', file => $file, line => $line, stacktrace => $message,
    );
}

my ($hello) = frame();
exit 76 if $hello->{type} ne 'hello' || $hello->{protocol} != 1;
answer({ type => 'hello', protocol => 1, language => "perl $^V", capabilities => [] });
my ($file, $name) = $hello->{entrypoint} =~ /^(.*):(\w+)$/;
my ($apply, $state);

while (my ($header, $body) = frame()) {
    my $type = $header->{type};
    my %id = (id => $header->{id} // 0);
    if ($type eq 'load') {
        my $loaded = eval {
            -e "$hello->{app}/$file" or die "$file is not there\n";
            defined do "$hello->{app}/$file" or die $@ || "$file ends with no true value\n";
            $apply = main->can($name) or die "$file has no sub $name\n";
            my %models = map { $_ => "$hello->{app}/$hello->{models}{$_}" } keys %{ $hello->{models} };
            $state = main->can('load') ? main->can('load')->(\%models) : undef;
            1;
        };
        answer($loaded ? { type => 'ready', %id, schema => {} } : { type => 'load_error', %id, fault($@, $hello->{app}) });
    }
    elsif ($type eq 'call') {
        my $result = eval { $json->encode($apply->($json->decode($body), $state)) };
        answer(defined $result
            ? ({ type => 'result', %id, content_type => 'application/json' }, $result)
            : { type => 'error', %id, fault($@, $hello->{app}) });
    }
    elsif ($type eq 'reload') { answer({ type => 'reloaded', %id, rung => 'worker', schema => {} }) }
    elsif ($type eq 'describe') { answer({ type => 'described', %id, schema => {} }) }
    elsif ($type eq 'shutdown') { exit 0 }
    elsif ($type !~ /^(?:cancel|commit|discard|pause|resume|withdraw)$/) { exit 76 }
}
