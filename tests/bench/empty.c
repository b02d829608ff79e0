/* What it costs to start a program: the limit of small commands. */
int main(void)
{
	return 0;
}
